# tests/unit/port: see Makefile.am.
