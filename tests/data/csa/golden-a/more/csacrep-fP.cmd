TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacrep -fP < more/cacct
