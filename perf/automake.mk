noinst_PROGRAMS += perf/acl perf/gen perf/idle perf/opener perf/respond perf/rte_build

perf_acl_SOURCES = \
	perf/acl.c \
	perf/acl_peer.c \
	perf/acl_peer.h \
	tests/unit/acl/filters.c \
	tests/unit/acl/filters.h \
	tests/unit/acl/ruleset.c \
	tests/unit/acl/ruleset.h
perf_acl_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS) $(ZLIB_CFLAGS)
perf_acl_LDADD = acl/libacl.a $(DPDK_LIBS) $(ZLIB_LIBS)

perf_gen_SOURCES = \
	perf/frame.c \
	perf/frame.h \
	perf/gen.c \
	perf/header.c \
	perf/header.h \
	perf/virtio_user.c \
	perf/virtio_user.h
perf_gen_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS)
perf_gen_LDADD = $(DPDK_LIBS)

perf_idle_SOURCES = \
	perf/front.c \
	perf/front.h \
	perf/header.c \
	perf/header.h \
	perf/idle.c
perf_idle_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS)
perf_idle_LDADD = $(DPDK_LIBS)

perf_opener_SOURCES = \
	perf/frame.h \
	perf/header.c \
	perf/header.h \
	perf/opener.c \
	perf/virtio_user.c \
	perf/virtio_user.h
perf_opener_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS)
perf_opener_LDADD = $(DPDK_LIBS)

perf_respond_SOURCES = \
	perf/respond.c \
	perf/virtio_user.c \
	perf/virtio_user.h
perf_respond_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS)
perf_respond_LDADD = $(DPDK_LIBS)

perf_rte_build_SOURCES = \
	perf/acl_peer.c \
	perf/acl_peer.h \
	perf/rte_build.c \
	tests/unit/acl/filters.c \
	tests/unit/acl/filters.h
perf_rte_build_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS) $(ZLIB_CFLAGS)
perf_rte_build_LDADD = $(DPDK_LIBS) $(ZLIB_LIBS)
