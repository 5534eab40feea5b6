# FUSUMA_PKG(VARIABLE, MODULES, DEBIAN PACKAGE)
# Finds MODULES by pkg-config and sets VARIABLE_CFLAGS and VARIABLE_LIBS.  The headers of others are
# system headers to us (-isystem): our warnings are for our code.
AC_DEFUN([FUSUMA_PKG], [
  PKG_CHECK_MODULES([$1], [$2], [],
    [FUSUMA_MISSING([$2], [$3])])
  $1_CFLAGS=`AS_ECHO(["$$1_CFLAGS"]) | sed 's/^-I/-isystem /; s/ -I/ -isystem /g'`
])

# FUSUMA_MISSING(WHAT, DEBIAN PACKAGE)
# Remembers what is missing, so that configure can name everything at once.
AC_DEFUN([FUSUMA_MISSING], [
  AC_MSG_WARN([$1 is missing (Debian: $2)])
  fusuma_missing="$fusuma_missing $2"
])

# FUSUMA_CHECK_MISSING
AC_DEFUN([FUSUMA_CHECK_MISSING], [
  AS_IF([test -n "$fusuma_missing"],
    [AC_MSG_ERROR([some of what Fusuma is built from is not installed. As root:

    apt-get install$fusuma_missing

or let ./run deps install everything.])])
])

# FUSUMA_TRY_CFLAGS(VARIABLE, FLAGS)
# Appends to VARIABLE those of FLAGS that the compiler and linker take.
AC_DEFUN([FUSUMA_TRY_CFLAGS], [
  for flag in $2; do
    fusuma_save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $flag"
    AC_MSG_CHECKING([whether $CC takes $flag])
    AC_LINK_IFELSE([AC_LANG_PROGRAM()],
      [AC_MSG_RESULT([yes]); $1="$$1 $flag"],
      [AC_MSG_RESULT([no])])
    CFLAGS=$fusuma_save_CFLAGS
  done
])
