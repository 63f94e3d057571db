TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csajrep -A -Z -S -h -s more/spacct
