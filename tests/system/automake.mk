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
# The switch itself, which kills itself at named points: see crash.c.
check_PROGRAMS += tests/system/vswitchd_crash
tests_system_vswitchd_crash_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS) $(OVS_CFLAGS)
tests_system_vswitchd_crash_SOURCES = vswitch/main.c vswitch/options.c tests/system/crash.c
tests_system_vswitchd_crash_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=publish -Wl,--wrap=writer_submit \
	-Wl,--wrap=gate_admit \
	-Wl,--wrap=rpc_call_answer -Wl,--wrap=sqlite3_open_v2 -Wl,--wrap=sqlite3_exec \
	-Wl,--wrap=sqlite3_step
tests_system_vswitchd_crash_LDADD = $(bin_vswitchd_LDADD)
$(tests_system_vswitchd_crash_OBJECTS): $(BUILT_SOURCES)
