dist_doc_DATA = \
	docs/architecture.md \
	docs/brokers.md \
	docs/capture.md \
	docs/controller.md \
	docs/delivery.md \
	docs/detection.md \
	docs/detection-captures.md \
	docs/incidents.md \
	docs/flows.md \
	docs/operations.md \
	docs/performance.md \
	docs/policy.md \
	docs/quarantine.md \
	docs/security.md \
	docs/sessions.md \
	docs/tracking.md
# Policies to begin with.
exampledir = $(docdir)/examples
dist_example_DATA = \
	docs/examples/call-centre.yaml \
	docs/examples/developers.yaml \
	docs/examples/fusuma-relay.service \
	docs/examples/internet-separated.yaml \
	docs/examples/quarantine-tier.yaml \
	docs/examples/relay.yaml
dist_example_SCRIPTS = examples/controller.py
# For Prometheus and Grafana.
monitoringdir = $(docdir)/monitoring
dist_monitoring_DATA = \
	docs/monitoring/fusuma-dashboard.json \
	docs/monitoring/fusuma.rules.test.yml \
	docs/monitoring/fusuma.rules.yml

# Manual pages: text from here, commands and options from the programs themselves.
man_MANS = docs/man/swctl.8 docs/man/vswitchd.8 docs/man/fusuma-policy.5
CLEANFILES += $(man_MANS)
EXTRA_DIST += build-aux/manual.py docs/man/swctl.md docs/man/vswitchd.md
MANUAL = $(PYTHON) $(top_srcdir)/build-aux/manual.py
docs/man/swctl.8: bin/swctl build-aux/manual.py docs/man/swctl.md
	$(AM_V_GEN)$(MKDIR_P) docs/man && $(MANUAL) swctl 8 'drives the Fusuma virtual switch' \
		$(srcdir)/docs/man/swctl.md bin/swctl >$@.tmp && mv $@.tmp $@
docs/man/vswitchd.8: bin/vswitchd build-aux/manual.py docs/man/vswitchd.md
	$(AM_V_GEN)$(MKDIR_P) docs/man && $(MANUAL) vswitchd 8 \
		'userspace switch with a firewall for every desktop' \
		$(srcdir)/docs/man/vswitchd.md bin/vswitchd >$@.tmp && mv $@.tmp $@
docs/man/fusuma-policy.5: build-aux/manual.py docs/policy.md
	$(AM_V_GEN)$(MKDIR_P) docs/man && $(MANUAL) fusuma-policy 5 \
		'who may talk to whom through a Fusuma switch' $(srcdir)/docs/policy.md >$@.tmp && \
		mv $@.tmp $@
