# acl: see Makefile.am.
