TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacon -D 7 -s more/spacct0
