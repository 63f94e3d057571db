TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csajrep -u nobody -T -c -s more/spacct
