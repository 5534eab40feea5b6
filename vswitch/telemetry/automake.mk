# vswitch/telemetry: see Makefile.am.
