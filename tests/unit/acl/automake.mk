check_PROGRAMS += tests/unit/acl/test_acl
TESTS += tests/unit/acl/test_acl
tests_unit_acl_test_acl_SOURCES = \
	tests/unit/acl/addr_suite.c \
	tests/unit/acl/bodies_suite.c \
	tests/unit/acl/classes_suite.c \
	tests/unit/acl/compile_suite.c \
	tests/unit/acl/diff_suite.c \
	tests/unit/acl/like_suite.c \
	tests/unit/acl/lint_suite.c \
	tests/unit/acl/lists_suite.c \
	tests/unit/acl/explain_suite.c \
	tests/unit/acl/memory_suite.c \
	tests/unit/acl/model_suite.c \
	tests/unit/acl/noise_suite.c \
	tests/unit/acl/policy_suite.c \
	tests/unit/acl/random_suite.c \
	tests/unit/acl/recommend_suite.c \
	tests/unit/acl/suites.h \
	tests/unit/acl/table_suite.c \
	tests/unit/acl/test_acl.c \
	tests/unit/acl/yaml_suite.c
tests_unit_acl_test_acl_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=calloc \
	-Wl,--wrap=realloc -Wl,--wrap=reallocarray -Wl,--wrap=strdup -Wl,--wrap=strndup
tests_unit_acl_test_acl_LDADD = acl/libacl.a $(FYAML_LIBS) $(CUNIT_LIBS)

# A million headers a set are too many for a sanitizer.
if !SANITIZED
check_PROGRAMS += tests/unit/acl/diff_rulesets
TESTS += tests/unit/acl/diff_rulesets
endif
tests_unit_acl_diff_rulesets_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS)
tests_unit_acl_diff_rulesets_SOURCES = \
	tests/unit/acl/diff_rulesets.c \
	tests/unit/acl/filters.c \
	tests/unit/acl/filters.h \
	tests/unit/acl/ruleset.c \
	tests/unit/acl/ruleset.h
tests_unit_acl_diff_rulesets_LDADD = acl/libacl.a $(ZLIB_LIBS)
