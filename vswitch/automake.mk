# vswitch: the daemon.  See Makefile.am.
sbin_PROGRAMS += bin/vswitchd
bin_vswitchd_SOURCES = vswitch/main.c vswitch/options.c vswitch/options.h
bin_vswitchd_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS) $(OVS_CFLAGS)
bin_vswitchd_LDADD = \
	vswitch/libcontrol.a \
	vswitch/libcapture.a \
	vswitch/libreport.a \
	vswitch/libtelemetry.a \
	vswitch/libport.a \
	vswitch/libdatapath.a \
	vswitch/libtelemetry.a \
	proto/libproto.a \
	acl/libacl.a \
	$(OVS_LIBS) $(DPDK_LIBS) $(GRPC_LIBS) $(PROTOBUF_C_LIBS) $(SQLITE_LIBS) $(FYAML_LIBS) \
	$(JANSSON_LIBS) $(CRYPTO_LIBS) $(MICROHTTPD_LIBS)
$(bin_vswitchd_OBJECTS): $(BUILT_SOURCES)
