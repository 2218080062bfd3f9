# Drawn again by: gnuplot spectral_density.gp
set encoding utf8
set terminal svg size 720,440 dynamic enhanced font "Helvetica,14" background "white" linewidth 1
set output "spectral_density.svg"
set datafile missing "NaN"
set border 3 linecolor rgb "#333333" linewidth 1
set tics nomirror scale 0.6 textcolor rgb "#333333"
set grid ytics linetype 1 linecolor rgb "#E6E6E6" linewidth 1
set xlabel textcolor rgb "#333333" offset 0,0.2
set ylabel textcolor rgb "#333333" offset 0.8,0
unset key
set xlabel "eigenvalue of ∇²_W F at (λ, W0)"
set ylabel "density"
set logscale y
set format y "10^{%L}"
set xrange [-1.00761:4.67283]
set yrange [2.68814e-06:35.5612]
set arrow from first 0, graph 0 to first 0, graph 1 nohead back dashtype (2,4) linecolor rgb "#777777"
set label "largest node 4.51" at graph 0.98, graph 0.95 right textcolor rgb "#333333" font ",12"
set label "least node -0.847" at graph 0.98, graph 0.88 right textcolor rgb "#333333" font ",12"
plot "spectral_density.dat" using 1:($1 < 0 ? $2 : NaN) linecolor rgb "#D55E00" linewidth 2 with lines, \
     "spectral_density.dat" using 1:($1 >= 0 ? $2 : NaN) linecolor rgb "#0072B2" linewidth 2 with lines
