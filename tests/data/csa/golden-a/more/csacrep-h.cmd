TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacrep -hucwx < more/cacct
