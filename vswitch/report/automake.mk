# vswitch/report: incident reports.  See Makefile.am.
noinst_LIBRARIES += vswitch/libreport.a
vswitch_libreport_a_CPPFLAGS = $(AM_CPPFLAGS) $(OVS_CFLAGS)
vswitch_libreport_a_SOURCES = \
	vswitch/report/document.c \
	vswitch/report/facts.c \
	vswitch/report/facts.h \
	vswitch/report/graph.c \
	vswitch/report/grounds.c \
	vswitch/report/html.c \
	vswitch/report/markdown.c \
	vswitch/report/packet.c \
	vswitch/report/page.h \
	vswitch/report/pivot.c \
	vswitch/report/reasons.c \
	vswitch/report/report.c \
	vswitch/report/report.h \
	vswitch/report/seal.c \
	vswitch/report/seal.h \
	vswitch/report/sentences.c \
	vswitch/report/style.c \
	vswitch/report/text.c \
	vswitch/report/text.h \
	vswitch/report/timeline.c \
	vswitch/report/words.c \
	vswitch/report/words.h
$(vswitch_libreport_a_OBJECTS): $(BUILT_SOURCES)
