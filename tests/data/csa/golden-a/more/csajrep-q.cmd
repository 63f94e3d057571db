TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csajrep -A -q -w -B -s more/spacct
