TZ=UTC LC_ALL=C CSACONFIG=more/nine.conf csacon -A -s more/spacct0
