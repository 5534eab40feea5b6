dist_doc_DATA = \
	docs/architecture.md \
	docs/operations.md \
	docs/policy.md \
	docs/security.md \
	docs/tracking.md
# Policies to begin with.
exampledir = $(docdir)/examples
dist_example_DATA = \
	docs/examples/call-centre.yaml \
	docs/examples/developers.yaml \
	docs/examples/internet-separated.yaml \
	docs/examples/quarantine-tier.yaml
