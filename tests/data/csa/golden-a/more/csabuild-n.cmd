TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csabuild -n -P more/pacct -s more/spacct-n
