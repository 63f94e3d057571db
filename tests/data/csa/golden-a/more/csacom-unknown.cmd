TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacom -u "?" -G more/pacct1
