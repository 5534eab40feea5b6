# proto: see Makefile.am.
