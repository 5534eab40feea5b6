# ctl: swctl.  See Makefile.am.
bin_PROGRAMS += bin/swctl
bin_swctl_SOURCES = \
	ctl/audit_log.c \
	ctl/binding.c \
	ctl/broker.c ctl/broker.h \
	ctl/broker_actors.c ctl/broker_actors.h \
	ctl/broker_json.c \
	ctl/broker_switch.c \
	ctl/broker_uds.c \
	ctl/broker_upstream.c ctl/broker_upstream.h \
	ctl/broker_webhook.c \
	ctl/capture.c ctl/capture.h \
	ctl/capture_read.c \
	ctl/client.c \
	ctl/commands.c ctl/commands.h \
	ctl/complete.c ctl/complete.h \
	ctl/complete_live.c \
	ctl/completion.h \
	ctl/config.c \
	ctl/conn.c \
	ctl/conn_filter.c ctl/conn_filter.h \
	ctl/counters.c \
	ctl/ctl.h \
	ctl/drill.c ctl/drill.h \
	ctl/drill_probe.c ctl/drill_probe.h \
	ctl/drill_steps.c \
	ctl/drops.c \
	ctl/flow.c \
	ctl/group.c \
	ctl/help.c ctl/help.h \
	ctl/incident.c ctl/incident.h \
	ctl/incident_report.c \
	ctl/incident_show.c \
	ctl/limits.c ctl/limits.h \
	ctl/main.c \
	ctl/options.c ctl/options.h \
	ctl/output.c ctl/output.h \
	ctl/packet_file.c ctl/packet_file.h \
	ctl/policy.c \
	ctl/policy.h \
	ctl/policy_apply.c \
	ctl/policy_replay.c \
	ctl/policy_check.c \
	ctl/policy_files.c \
	ctl/policy_recommend.c \
	ctl/port.c \
	ctl/port_add.c \
	ctl/quarantine.c \
	ctl/quarantine.h \
	ctl/refresh.c ctl/refresh.h \
	ctl/relay.c \
	ctl/session.c \
	ctl/set.c \
	ctl/suggest.c ctl/suggest.h \
	ctl/system.c \
	ctl/tables.c ctl/tables.h \
	ctl/trace.c \
	ctl/trace_describe.c \
	ctl/trace_input.c ctl/trace_input.h \
	ctl/watch.c \
	ctl/when.c ctl/when.h \
	ctl/yaml.c ctl/yaml.h
bin_swctl_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
bin_swctl_LDADD = $(RELAY_LIBS) proto/libproto.a $(GRPC_LIBS) $(PROTOBUF_C_LIBS) $(JANSSON_LIBS) \
	$(CRYPTO_LIBS) $(MICROHTTPD_LIBS) $(CURL_LIBS) $(OVS_LIBS)
# Automake sees no file in $(OVS_LIBS): without this a new library would not be linked in.
EXTRA_bin_swctl_DEPENDENCIES = $(OVS_DIR)/lib/libopenvswitch.a

# The headers that protoc-c makes.
$(bin_swctl_OBJECTS): $(BUILT_SOURCES)

# Against a stock gRPC server in Python.
TESTS += tests/unit/ctl/test_swctl.py tests/unit/ctl/test_completion.py \
	tests/unit/ctl/test_capture.py tests/unit/ctl/test_incident.py tests/unit/ctl/test_manual.py
EXTRA_DIST += tests/unit/ctl/test_swctl.py tests/unit/ctl/test_completion.py \
	tests/unit/ctl/test_capture.py tests/unit/ctl/test_incident.py tests/unit/ctl/test_manual.py

# Completion for bash: one file for both programs, which know by themselves what there is.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = ctl/bash-completion/swctl
install-data-hook:
	cd '$(DESTDIR)$(bashcompletiondir)' && rm -f vswitchd && $(LN_S) swctl vswitchd
uninstall-hook:
	rm -f '$(DESTDIR)$(bashcompletiondir)/vswitchd'
