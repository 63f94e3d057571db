TZ=Asia/Kolkata LC_ALL=C CSACONFIG=more/plain.conf csacom -AcfhikMNprtVXYw more/pacct1
