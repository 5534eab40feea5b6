"""The machine that is measured on, and what it takes away from those who are measured."""

import glob
import os
import platform

# The share of a window that may be lost to other virtual machines (stolen) or to other threads
# (waited for the CPU).  /proc/stat counts in ticks, 1 % of a second.
MAX_DISTURBED = 0.05


def stolen_seconds():
    """Time that the hypervisor took, by CPU."""
    with open("/proc/stat") as f:
        rows = [line.split() for line in f if line.startswith("cpu") and line[3].isdigit()]
    ticks = os.sysconf("SC_CLK_TCK")
    return {row[0]: int(row[8]) / ticks for row in rows}


def waited_seconds(task):
    """Time that a thread was ready to run and did not."""
    try:
        with open(task + "/schedstat") as f:
            return int(f.read().split()[1]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0


def tasks_on(pid, cpu):
    """The threads of a process that may run on 'cpu' only: its workers."""
    tasks = []
    for task in glob.glob(f"/proc/{pid}/task/*"):
        with open(task + "/status") as f:
            allowed = [line.split()[1] for line in f if line.startswith("Cpus_allowed_list:")]
        if allowed == [str(cpu)]:
            tasks.append(task)
    return tasks


class Disturbance:
    """What was taken from the measured threads since the last look, in seconds."""

    def __init__(self, tasks):
        self.tasks = tasks
        self.last = self.sample()

    def sample(self):
        return {**stolen_seconds(), **{task: waited_seconds(task) for task in self.tasks}}

    def look(self):
        now = self.sample()
        worst = max(now[key] - self.last[key] for key in now)
        self.last = now
        return worst


def undisturbed(window):
    return window["disturbed"] <= MAX_DISTURBED


def machine():
    model = platform.machine()
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"
