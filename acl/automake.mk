noinst_LIBRARIES += acl/libacl.a
acl_libacl_a_SOURCES = \
	acl/addr.c \
	acl/addr.h \
	acl/bits.c \
	acl/bits.h \
	acl/bulk.c \
	acl/classes.c \
	acl/classes.h \
	acl/classmap.c \
	acl/compile.c \
	acl/compile.h \
	acl/diff.c \
	acl/diff.h \
	acl/diff_priv.h \
	acl/diff_values.c \
	acl/extent.c \
	acl/extent.h \
	acl/explain.c \
	acl/explain.h \
	acl/fan.c \
	acl/fields.c \
	acl/fields.h \
	acl/format.c \
	acl/format.h \
	acl/hash.h \
	acl/lint.c \
	acl/lint.h \
	acl/lint_groups.c \
	acl/lint_priv.h \
	acl/lint_reach.c \
	acl/lint_rules.c \
	acl/lookup.c \
	acl/lookup.h \
	acl/lookup_avx2.c \
	acl/lookup_avx512.c \
	acl/lookup_body.h \
	acl/lookup_priv.h \
	acl/lookup_scalar.c \
	acl/match.c \
	acl/match.h \
	acl/oracle.c \
	acl/policy.c \
	acl/policy.h \
	acl/groups.c \
	acl/policy_groups.c \
	acl/policy_order.c \
	acl/policy_pools.c \
	acl/policy_priv.h \
	acl/policy_rules.c \
	acl/policy_services.c \
	acl/policy_yaml.c \
	acl/portmap.c \
	acl/portmap.h \
	acl/rows.c \
	acl/rows.h \
	acl/services.c \
	acl/services.h \
	acl/spans.c \
	acl/spans.h \
	acl/table.c \
	acl/table.h \
	acl/table_priv.h \
	acl/text.c \
	acl/text.h \
	acl/tree.c \
	acl/tree.h \
	acl/tunnel.h \
	acl/yaml.c \
	acl/yaml.h \
	acl/yaml_lean.c \
	acl/yaml_priv.h \
	acl/yaml_tree.c

# Rule sets to begin with; copied and edited by their users.
rulesdir = $(pkgdatadir)/rules
dist_rules_DATA = acl/rules/desktop-noise.yaml
