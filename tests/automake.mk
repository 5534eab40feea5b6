# What the tests read and run beside programs goes into the tarball by the directory.
EXTRA_DIST += $(wildcard $(addprefix $(srcdir)/, \
	README.md docs tests/data tests/fuzz tests/interop tests/long tests/mutants tests/system perf/bench.sh perf/report.py))

dist-hook:
	find $(distdir) -name __pycache__ -prune -exec rm -rf {} +
