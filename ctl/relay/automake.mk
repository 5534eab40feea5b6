# ctl/relay: what swctl relay is made of.  See Makefile.am.
noinst_LIBRARIES += ctl/librelay.a
ctl_librelay_a_SOURCES = \
	ctl/relay/clock.h \
	ctl/relay/community_id.c ctl/relay/community_id.h \
	ctl/relay/config.c ctl/relay/config.h \
	ctl/relay/config_keys.c ctl/relay/config_priv.h \
	ctl/relay/cursor.c ctl/relay/cursor.h \
	ctl/relay/dead.c \
	ctl/relay/ecs.c ctl/relay/ecs.h \
	ctl/relay/ecs_drop.c \
	ctl/relay/ecs_incident.c \
	ctl/relay/ecs_priv.h \
	ctl/relay/event.c ctl/relay/event.h \
	ctl/relay/gather.c \
	ctl/relay/link.c ctl/relay/link.h \
	ctl/relay/mail.c ctl/relay/mail.h \
	ctl/relay/pulse.c \
	ctl/relay/reader.c \
	ctl/relay/relay.h \
	ctl/relay/run.c \
	ctl/relay/shrink.c \
	ctl/relay/sink.c ctl/relay/sink.h \
	ctl/relay/sink_command.c \
	ctl/relay/sink_file.c \
	ctl/relay/sink_mail.c \
	ctl/relay/sink_syslog.c \
	ctl/relay/sink_webhook.c \
	ctl/relay/spawn.c ctl/relay/spawn.h \
	ctl/relay/status.c ctl/relay/status.h \
	ctl/relay/syslog.c ctl/relay/syslog.h \
	ctl/relay/watch.c
ctl_librelay_a_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS) $(SSL_CFLAGS) $(CURL_CFLAGS)
$(ctl_librelay_a_OBJECTS): $(BUILT_SOURCES)
RELAY_LIBS = ctl/librelay.a acl/libacl.a $(FYAML_LIBS) $(CURL_LIBS) $(SSL_LIBS)
