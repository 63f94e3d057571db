TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csajrep -t -c -s more/spacct
