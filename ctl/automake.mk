# ctl: see Makefile.am.
