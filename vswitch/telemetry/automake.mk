noinst_LIBRARIES += vswitch/libtelemetry.a
vswitch_libtelemetry_a_SOURCES = \
	vswitch/telemetry/drop_ring.c \
	vswitch/telemetry/drop_ring.h \
	vswitch/telemetry/ledger.c \
	vswitch/telemetry/ledger.h \
	vswitch/telemetry/reasons.c \
	vswitch/telemetry/reasons.h \
	vswitch/telemetry/store.c \
	vswitch/telemetry/store.h \
	vswitch/telemetry/stream.c \
	vswitch/telemetry/stream.h
