# vswitch/capture: packets of ports, in files.  See Makefile.am.
noinst_LIBRARIES += vswitch/libcapture.a
vswitch_libcapture_a_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
vswitch_libcapture_a_SOURCES = \
	vswitch/capture/capture_file.c \
	vswitch/capture/capture_file.h \
	vswitch/capture/capture_info.h \
	vswitch/capture/capture_thread.c \
	vswitch/capture/captures.c \
	vswitch/capture/captures.h \
	vswitch/capture/captures_private.h \
	vswitch/capture/describe.c \
	vswitch/capture/describe.h \
	vswitch/capture/pcapng.c \
	vswitch/capture/pcapng.h
