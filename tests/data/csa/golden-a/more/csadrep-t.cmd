TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csadrep -t -s more/spacct
