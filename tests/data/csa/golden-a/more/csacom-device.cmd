TZ=UTC LC_ALL=C CSACONFIG=/dev/null csacom in/pacct2
