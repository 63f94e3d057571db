TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csajrep -r 1002 -c -s more/spacct
