TZ=UTC LC_ALL=C CSACONFIG=more/short.conf csacon -j -s more/spacct0 > more/cacct-short
