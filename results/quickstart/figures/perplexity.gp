# Drawn again by: gnuplot perplexity.gp
set encoding utf8
set terminal svg size 720,440 dynamic enhanced font "Helvetica,14" background "white" linewidth 1
set output "perplexity.svg"
set datafile missing "NaN"
set border 3 linecolor rgb "#333333" linewidth 1
set tics nomirror scale 0.6 textcolor rgb "#333333"
set grid ytics linetype 1 linecolor rgb "#E6E6E6" linewidth 1
set xlabel textcolor rgb "#333333" offset 0,0.2
set ylabel textcolor rgb "#333333" offset 0.8,0
unset key
set xlabel "warm-up epoch"
set ylabel "perplexity"
set rmargin 25
set tmargin 2.5
set xrange [-0.4104:34.2]
set yrange [37.8948:55.725]
set ytics ("38" 38, "40" 40, "42" 42, "44" 44, "46" 46, "48" 48, "50" 50, "52" 52, "54" 54)
set xtics (0, 5, 10, 15, 20, 25, 30, "LiFT" 34.2)
set arrow from first 14, graph 0 to first 14, graph 1 nohead back dashtype (2,4) linecolor rgb "#777777"
set label "early stopping, epoch 14" at first 14, graph 1 left offset -1,0.6 textcolor rgb "#777777" font ",12"
set arrow from first 14, first 51.73361401773303 to first 34.2, first 51.73361401773303 nohead back dashtype (2,4) linecolor rgb "#009E73"
set label "train 40.97" textcolor rgb "#0072B2" at first 34.2, graph 0.1724 left offset 1.2,0
set label "valid 47.02" textcolor rgb "#D55E00" at first 34.2, graph 0.5115 left offset 1.2,0
set label "test 50.06" textcolor rgb "#009E73" at first 34.2, graph 0.6824 left offset 1.2,0
set label "early stopping, test 51.73" textcolor rgb "#009E73" at first 34.2, graph 0.7761 left offset 1.2,0
plot "perplexity.dat" index 0 using 1:2 linecolor rgb "#0072B2" linewidth 2 pointtype 7 pointsize 0.4 with linespoints, \
     "perplexity.dat" index 1 using 1:2 linecolor rgb "#0072B2" linewidth 2 pointtype 7 pointsize 0.4 dashtype (4,3) with linespoints, \
     "perplexity.dat" index 1 every ::1 using 1:2 linecolor rgb "#0072B2" linewidth 2 pointtype 7 pointsize 0.9 with points, \
     "perplexity.dat" index 0 using 1:3 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.4 with linespoints, \
     "perplexity.dat" index 1 using 1:3 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.4 dashtype (4,3) with linespoints, \
     "perplexity.dat" index 1 every ::1 using 1:3 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.9 with points, \
     "perplexity.dat" index 0 using 1:4 linecolor rgb "#009E73" linewidth 2 pointtype 7 pointsize 0.4 with linespoints, \
     "perplexity.dat" index 1 using 1:4 linecolor rgb "#009E73" linewidth 2 pointtype 7 pointsize 0.4 dashtype (4,3) with linespoints, \
     "perplexity.dat" index 1 every ::1 using 1:4 linecolor rgb "#009E73" linewidth 2 pointtype 7 pointsize 0.9 with points
