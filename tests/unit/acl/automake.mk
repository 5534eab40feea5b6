# tests/unit/acl: see Makefile.am.
