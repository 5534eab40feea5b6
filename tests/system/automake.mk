# Programs that the system tests run.
check_PROGRAMS += tests/system/diff_nftables
tests_system_diff_nftables_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
tests_system_diff_nftables_SOURCES = \
	tests/system/diff_nftables.c \
	tests/system/nft_kernel.c \
	tests/system/nft_kernel.h \
	tests/system/nft_packet.c \
	tests/system/nft_packet.h \
	tests/system/nft_policy.c \
	tests/system/nft_policy.h
tests_system_diff_nftables_LDADD = vswitch/libdatapath.a vswitch/libtelemetry.a acl/libacl.a \
	$(DPDK_LIBS) $(FYAML_LIBS)
