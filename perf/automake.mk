noinst_PROGRAMS += perf/gen

perf_gen_SOURCES = \
	perf/frame.c \
	perf/frame.h \
	perf/gen.c
perf_gen_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS)
perf_gen_LDADD = $(DPDK_LIBS)

