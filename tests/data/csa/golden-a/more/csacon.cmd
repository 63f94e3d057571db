TZ=UTC LC_ALL=C CSACONFIG=more/plain0.conf csacon -A -s more/spacct0 > more/cacct
