# tests/unit/proto: see Makefile.am.
