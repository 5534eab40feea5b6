

perf_rte_build_SOURCES = \
	perf/acl_peer.c \
	perf/acl_peer.h \
	perf/rte_build.c \
	tests/unit/acl/filters.c \
	tests/unit/acl/filters.h
perf_rte_build_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS) $(ZLIB_CFLAGS)
perf_rte_build_LDADD = $(DPDK_LIBS) $(ZLIB_LIBS)
