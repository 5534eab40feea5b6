# tests/unit/datapath: see Makefile.am.
