# vswitch/port: see Makefile.am.
