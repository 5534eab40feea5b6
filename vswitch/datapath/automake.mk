# vswitch/datapath: see Makefile.am.
