TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csabuild -P more/pacct -s more/spacct
