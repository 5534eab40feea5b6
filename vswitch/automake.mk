# vswitch: see Makefile.am.
