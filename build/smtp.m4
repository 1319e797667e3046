# Licensed under the Apache License, Version 2.0; see LICENSE.
# configure's own words. What is missing is collected and told at the end, all
# at once, each with the Debian package that brings it.

# SMTP_MISSING(WHAT, DEBIAN-PACKAGE)
# ----------------------------------
# WHAT is needed to build and was not found.
AC_DEFUN([SMTP_MISSING],
[smtp_missing="$smtp_missing
error: $1 not found: apt install $2"
smtp_missing_packages="$smtp_missing_packages $2"
])

# SMTP_MISSING_STOP
# -----------------
# Ends configure if anything was missing.
AC_DEFUN([SMTP_MISSING_STOP],
[AS_IF([test -n "$smtp_missing"],
  [AS_ECHO(["$smtp_missing"]) >&2
   AS_ECHO([""]) >&2
   AC_MSG_ERROR([install what is missing, then run configure again. At once:
    apt install$smtp_missing_packages])])
])

# SMTP_CHECK_LIBRARY(NAME, HEADER, FUNCTION, PRELUDE)
# ---------------------------------------------------
# Sets smtp_have_NAME to yes or no: HEADER compiles after PRELUDE, and
# FUNCTION is in -lNAME. LIBS stays as it is.
AC_DEFUN([SMTP_CHECK_LIBRARY],
[smtp_have_$1=no
AC_CHECK_HEADER([$2],
  [AC_CHECK_LIB([$1], [$3], [smtp_have_$1=yes], [:])], [:], [$4])
])

# SMTP_CHECK_CC_FLAG(FLAG, VARIABLE)
# ----------------------------------
# Appends FLAG to VARIABLE if the compiler and the linker take it.
AC_DEFUN([SMTP_CHECK_CC_FLAG],
[AS_VAR_PUSHDEF([cached], [smtp_cv_flag_$1])
AC_CACHE_CHECK([whether $CC takes $1], [cached],
  [smtp_saved_cflags=$CFLAGS
   CFLAGS="$CFLAGS -Werror $1"
   AC_LINK_IFELSE([AC_LANG_PROGRAM()],
     [AS_VAR_SET([cached], [yes])], [AS_VAR_SET([cached], [no])])
   CFLAGS=$smtp_saved_cflags])
AS_VAR_IF([cached], [yes], [$2="$$2 $1"])
AS_VAR_POPDEF([cached])
])
