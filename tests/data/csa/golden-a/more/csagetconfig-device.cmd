TZ=UTC LC_ALL=C CSACONFIG=/dev/null csagetconfig MEMINT
