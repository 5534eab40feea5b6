# tests: see Makefile.am.
