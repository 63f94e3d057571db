TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csaaddc -D 3 more/cacct
