"""Planting bugs: in a copy of the tree, one text takes another's place, for as long as it is tested."""
import contextlib
import filecmp
import os
import shutil
import subprocess


def run(*command, **kw):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kw).returncode


def copy_tree(top, work):
    """What git knows and what is not committed yet, without what was built."""
    files = subprocess.run(['git', '-C', top, 'ls-files', '-co', '--exclude-standard', '-z'],
                           check=True, stdout=subprocess.PIPE).stdout.decode().split('\0')
    for name in filter(None, files):
        source, target = os.path.join(top, name), os.path.join(work, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        # What is the same stays as it is, so that make sees what a mutation has left behind.
        if not os.path.exists(target) or not filecmp.cmp(source, target, shallow=False):
            shutil.copy(source, target)


def make(work, *targets):
    return run('make', '-s', '-C', work + '/_build', '-j%d' % os.cpu_count(), *targets)


def prepare(top, work, ovs):
    """The copy, built without a bug; false when that fails."""
    copy_tree(top, work)
    os.makedirs(work + '/_build', exist_ok=True)
    return not (run('autoreconf', '-fi', work)
                or run('../configure', '--with-ovs=' + ovs, '--disable-werror', cwd=work + '/_build')
                or make(work))


@contextlib.contextmanager
def planted(work, name, old, new):
    """'new' stands for the only 'old' in the file 'name'."""
    path = os.path.join(work, name)
    with open(path) as f:
        text = f.read()
    if text.count(old) != 1:
        raise SystemExit('%s has %d times: %s' % (name, text.count(old), old))
    try:
        with open(path, 'w') as f:
            f.write(text.replace(old, new))
        yield
    finally:
        with open(path, 'w') as f:
            f.write(text)


def check(top, plants):
    """That each can be planted; says which cannot."""
    stale = []
    for name, old, _ in plants:
        with open(os.path.join(top, name)) as f:
            n = f.read().count(old)
        if n != 1:
            stale.append('%s has %d times: %s' % (name, n, old))
    if stale:
        raise SystemExit('\n'.join(stale))
