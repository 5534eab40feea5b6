# What the tests read and run beside programs goes into the tarball.
# By file: of a directory, automake takes what lies in the build tree, too.
EXTRA_DIST += $(shell cd $(srcdir) && find README.md docs tests/data tests/fuzz tests/interop \
	tests/long tests/mutants tests/system perf/bench.sh \
	perf/acl.py perf/machine.py perf/measure.py perf/peers.py perf/policy.py perf/respond.py perf/speed.py \
	perf/switch.py -type f \
	-not -path '*/__pycache__/*' 2>/dev/null)
