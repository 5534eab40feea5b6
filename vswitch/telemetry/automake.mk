noinst_LIBRARIES += vswitch/libtelemetry.a
vswitch_libtelemetry_a_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
vswitch_libtelemetry_a_SOURCES = \
	vswitch/telemetry/capture_ring.c \
	vswitch/telemetry/capture_ring.h \
	vswitch/telemetry/db.c \
	vswitch/telemetry/db.h \
	vswitch/telemetry/db_batch.c \
	vswitch/telemetry/db_batch.h \
	vswitch/telemetry/detect.c \
	vswitch/telemetry/detect.h \
	vswitch/telemetry/drop_event.h \
	vswitch/telemetry/drop_log.c \
	vswitch/telemetry/drop_log.h \
	vswitch/telemetry/drop_ring.c \
	vswitch/telemetry/drop_ring.h \
	vswitch/telemetry/flow_account.c \
	vswitch/telemetry/flow_account.h \
	vswitch/telemetry/flow_db.c \
	vswitch/telemetry/flow_db.h \
	vswitch/telemetry/flow_disk.c \
	vswitch/telemetry/flow_disk.h \
	vswitch/telemetry/flow_log.c \
	vswitch/telemetry/flow_log.h \
	vswitch/telemetry/flow_names.c \
	vswitch/telemetry/flow_names.h \
	vswitch/telemetry/flow_row.h \
	vswitch/telemetry/flow_store.c \
	vswitch/telemetry/flow_store.h \
	vswitch/telemetry/grade.c \
	vswitch/telemetry/hll.c \
	vswitch/telemetry/hll.h \
	vswitch/telemetry/journal.c \
	vswitch/telemetry/journal.h \
	vswitch/telemetry/ledger.c \
	vswitch/telemetry/ledger.h \
	vswitch/telemetry/reasons.c \
	vswitch/telemetry/reasons.h \
	vswitch/telemetry/sketch.h \
	vswitch/telemetry/store.c \
	vswitch/telemetry/store.h \
	vswitch/telemetry/stream.c \
	vswitch/telemetry/stream.h \
	vswitch/telemetry/suspect.c \
	vswitch/telemetry/suspect.h \
	vswitch/telemetry/writer.c \
	vswitch/telemetry/writer.h
