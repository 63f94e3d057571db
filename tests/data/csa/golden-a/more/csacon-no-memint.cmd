TZ=UTC LC_ALL=C CSACONFIG=more/short0.conf csacon -A -s more/spacct0 > more/cacct-none
