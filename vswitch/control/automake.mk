# vswitch/control: see Makefile.am.
